"""Settings that all tests share."""

from hypothesis import settings

# A busy machine makes an example slow, which says nothing of the code.
settings.register_profile("flowmib", deadline=None)
settings.load_profile("flowmib")
