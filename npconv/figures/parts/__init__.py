"""The parts of the figures, from the ground up.

`drawing` has the canvas, the volumes and the language: colours, sizes of type. `values` has numbers and their text.
`layer`, `separable_layer`, `residuals`, `stages`, `backward_pass` and `embedding` run the kernels and hold what is
drawn; `photograph` says which picture is filtered; `training_runs` checks stored runs and computes what is drawn of
them. `volumes`, `slabs`, `blocks`, `terms` and `products` draw what several figures show, `grids` matrices and
`bars` counts; `lines` has plots side by side.
"""
