"""A few scripted chatbots on the real pipeline, and what the pipeline knows about them afterwards.

Nothing here is a model: the bots' answers, delays and failures are made up. What carries, redacts, enriches, counts and
stores them is the pipeline itself.
"""

from turnlog.stack.demo.host import hosted
from turnlog.stack.demo.report import Section, sections
from turnlog.stack.demo.show import Outcome, Show, run_show

__all__ = ["Outcome", "Section", "Show", "hosted", "run_show", "sections"]
