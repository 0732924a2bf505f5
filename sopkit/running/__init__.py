"""Running: takes a run through its stages, and gives each stage notebook what it sees.

    stage          the beginning of a stage notebook, `stage.begin(...)`; `this` is what it works with
    recording      the result that `this.record` makes of a value or a measure
    inputs         where its inputs come from; `champions` the model in service; `formats` bytes and back
    runner         starts, resumes, abandons runs, and takes them as far as they go
    open_run       a run while a runner has it; `attempts` executes its stages, `effects` performs what they request
    asked          what somebody asks of a runner, checked before anything is written
    live           what is told of a run while a runner has it; `usage` what its kernel takes
    planning       what happens next, as one pure function
    pins           what a run is pinned to; `parameters` what its notebooks may be given
    execution      one notebook by papermill (its only door), in a `kernel` that cannot outlive the runner
    sealing        what is found to be true of an executed notebook
    demonstration  demo reviewers

Nothing here knows what a procedure is about.
"""
