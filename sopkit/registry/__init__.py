"""The registry: model versions and aliases, and loading by digest.

* `models`    a fitted pipeline as bytes and back, by our own list of trusted types (skops)
* `foreign`   models from elsewhere, to be adopted: by address, then by digest
* `trees`     trees from a file may only point inside themselves
* `tracking`  versions, aliases, parameters and metrics in MLflow, as a projection of the log
* `effects`   what the runner performs: `register_model`, `move_alias`

Model bytes lie in the workspace's store; MLflow keeps their digest.
"""
