"""Statistics: calls and security lines into ten-second panes, panes into rolling windows.

:mod:`~turnlog.processors.stats.histogram`, :mod:`~turnlog.processors.stats.totals`,
:mod:`~turnlog.processors.stats.pane`, :mod:`~turnlog.processors.stats.book` and
:mod:`~turnlog.processors.stats.rolling` are values and functions of them.
"""
