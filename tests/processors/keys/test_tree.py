import os

from hypothesis import given
from hypothesis import strategies as st

from turnlog.processors.keys import Tree
from turnlog.processors.keys.tree import DEPTH, path_of

NAMES = st.text(max_size=12)


@given(st.sets(NAMES, min_size=2, max_size=6), st.data())
def test_what_is_cut_out_is_gone_and_all_else_stays(names: set[str], data: st.DataObject) -> None:
    whole = Tree({"": b"s" * 32})
    before = {name: whole.leaf(name) for name in names}
    gone = data.draw(st.sets(st.sampled_from(sorted(names))))
    tree = whole
    for name in sorted(gone):
        tree = tree.without(name)
    assert {name: tree.leaf(name) for name in names} == {
        name: None if name in gone else leaf for name, leaf in before.items()
    }
    assert len(set(before.values())) == len(names)


def test_no_seed_that_leads_to_a_leaf_outlives_it() -> None:
    tree = Tree({"": os.urandom(32)}).without("acme")
    path = path_of("acme")
    assert len(tree.seeds) == DEPTH
    assert not any(path.startswith(each) for each in tree.seeds)
    assert tree.without("acme") is tree


def test_no_secret_is_shown() -> None:
    assert "73" not in repr(Tree({"": b"s" * 32}))
