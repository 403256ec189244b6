"""What the wrappers of model providers' SDKs share: answers read from responses and chunks, and how calls are hooked.

The readers (:mod:`.chat`, :mod:`.responses`, :mod:`.messages`, :mod:`.texts`) are functions of values; only
:mod:`.hook`, :mod:`.streams` and :mod:`.raw` touch an SDK's objects.
"""
