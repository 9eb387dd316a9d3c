"""The article's claims, each computed: what `npconv reproduce` prints and what tests/test_article.py asserts.

A claim's function computes it and returns its verdict with the numbers. Verdicts: "holds"; "holds if …", with the
condition; "fails", with the counter-example; "reported", a published measurement that nothing here can check. A claim
whose numbers are not finite is "not judged", which is never what the docs say.

There is one module for each section of the article: overview.py, separable.py, inverted.py, architecture.py; the claims
that stored runs of training decide are in measured.py. `CLAIMS` has all of them in the article's order.
"""

from .architecture import (
    the_network_is_a_feature_extractor,
    the_network_is_predominantly_inverted_residuals,
    the_network_is_the_table_of_fig_9,
    the_networks_activations_act_in_wide_volumes,
    the_networks_projections_reduce,
)
from .inverted import (
    a_wide_space_suits_the_activation,
    relu_loses_information_in_few_dimensions,
    the_depthwise_convolution_filters_in_space,
    the_inverted_block_is_narrow_and_linear_at_its_ends,
    the_last_two_steps_are_separable,
    the_layer_is_three_convolutions,
    the_projection_loses_information,
    the_shapes_of_table_1,
    the_shortcut_needs_stride_1_and_equal_channels,
    the_shortcut_passes_the_gradient_on,
    without_activations_the_block_is_one_convolution,
)
from .measured import (
    a_linear_bottleneck_is_better,
    features_live_in_few_dimensions,
    shortcuts_are_better_between_bottlenecks,
    shortcuts_keep_the_gradients_size,
)
from .overview import (
    each_channel_is_filtered_n_times,
    each_map_is_a_single_channel_convolution,
    each_step_gives_a_single_value,
    the_shapes_of_a_standard_convolution,
    the_two_readings_agree,
    the_vectorised_patch_gives_the_value,
)
from .separable import (
    a_standard_convolution_cannot_be_factored,
    a_standard_convolution_filters_and_combines,
    m_single_channel_filters_give_m_maps,
    n_is_often_greater_than_the_square,
    n_pointwise_filters_give_n_channels,
    nearly_an_order_of_magnitude,
    new_features_need_a_linear_combination,
    separable_convolutions_cost_less,
    the_cost_formulas,
    the_depthwise_intermediate_is_fig_3c,
    the_example_of_fig_5,
    the_layer_of_mobilenet_v1,
    the_ratio_is_about_the_inverse_square,
    the_ratio_of_the_costs,
    the_saving_is_in_the_spatial_filtering,
    the_separable_convolution_is_factored,
)
from .table import CLAIMS, Claim, Finding, as_markdown

__all__ = ["CLAIMS", "Claim", "Finding", "as_markdown"]

# the article's order, in which measured claims stand among the others; a claim that has no place here can't be imported
_ORDER = (
    # the standard convolution
    the_shapes_of_a_standard_convolution,
    each_step_gives_a_single_value,
    the_vectorised_patch_gives_the_value,
    each_map_is_a_single_channel_convolution,
    the_two_readings_agree,
    each_channel_is_filtered_n_times,
    # depthwise separable convolutions
    separable_convolutions_cost_less,
    a_standard_convolution_filters_and_combines,
    a_standard_convolution_cannot_be_factored,
    the_separable_convolution_is_factored,
    m_single_channel_filters_give_m_maps,
    the_depthwise_intermediate_is_fig_3c,
    new_features_need_a_linear_combination,
    n_pointwise_filters_give_n_channels,
    the_example_of_fig_5,
    the_saving_is_in_the_spatial_filtering,
    the_cost_formulas,
    the_ratio_of_the_costs,
    n_is_often_greater_than_the_square,
    the_ratio_is_about_the_inverse_square,
    nearly_an_order_of_magnitude,
    the_layer_of_mobilenet_v1,
    # the inverted residual
    features_live_in_few_dimensions,
    relu_loses_information_in_few_dimensions,
    without_activations_the_block_is_one_convolution,
    the_layer_is_three_convolutions,
    a_wide_space_suits_the_activation,
    the_depthwise_convolution_filters_in_space,
    the_shapes_of_table_1,
    the_projection_loses_information,
    the_shortcut_needs_stride_1_and_equal_channels,
    the_shortcut_passes_the_gradient_on,
    shortcuts_keep_the_gradients_size,
    the_last_two_steps_are_separable,
    a_linear_bottleneck_is_better,
    shortcuts_are_better_between_bottlenecks,
    the_inverted_block_is_narrow_and_linear_at_its_ends,
    # the model's architecture
    the_network_is_predominantly_inverted_residuals,
    the_network_is_the_table_of_fig_9,
    the_networks_activations_act_in_wide_volumes,
    the_networks_projections_reduce,
    the_network_is_a_feature_extractor,
)

CLAIMS.sort(key=lambda entry: _ORDER.index(entry.compute))
