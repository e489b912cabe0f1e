"""Networks, built from a small config as ``build(input_spec, outputs)``. To a model-agnostic learner each is a black box."""
