"""What several tests ask for and takes a while, computed once a session."""

KNOWN: dict = {}


def finding_of(claim):
    """What the computation of a claim found."""
    if claim.name not in KNOWN:
        KNOWN[claim.name] = claim.compute()
    return KNOWN[claim.name]
