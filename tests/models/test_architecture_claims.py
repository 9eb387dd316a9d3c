"""The claims about the architecture leave no maps behind in the networks that they keep."""

import pytest

from npconv.claims import architecture


@pytest.mark.parametrize(
    "claim",
    [architecture.the_networks_activations_act_in_wide_volumes, architecture.the_network_is_a_feature_extractor],
)
def test_a_network_that_is_kept_forgets_what_a_claim_ran_it_on(claim):
    claim()
    network = architecture._network()
    assert network._saved is None
    assert all(leaf._saved is None for leaf in network.leaves())
