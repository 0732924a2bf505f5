"""The archive: what is kept of every run, and how anyone can check it.

From the ground up (each module says in its docstring which rules it keeps):

* `canonical`     equal values have equal bytes; digests.
* `publish`       a file appears once and whole, or not at all.
* `entries`, `lines`, `merkle`, `checkpoint`, `log`   one line an event, one root over all, one signature over it.
* `store`         bytes by their digest, checked at every reading.
* `workspace`     the folder, its log, its store; live or a simulation.
* `states`, `runs`, `aliases`   the state of a run, and who holds an alias: folds over the log.
* `taken`         what a stage took, and whether that is far more than in its earlier runs.
* `record_cells`, `notebooks`   run notebooks as records: content digest, sealed bytes, the view with its sign-offs.
* `keys`, `envelopes`, `people`   whose key signed what, and whose word counts when.
* `separation`, `checklist`   who may speak at a gate; what is asked there and how it was answered.
* `statements`, `gates`   what a sign-off states; may what comes after a stage begin? Pure.
* `waivers`       what a person accepts for a while although it stops a run, and which of that is in force.
* `records`, `folders`   the sign-offs of a run, read and verified; what must lie in its folder.
* `seen`, `countable`, `preparing`, `accepting`   what was looked at, would it count; an envelope, and into the log.
* `sign_offs`     the door to all that: sign, judge, read.
* `findings`, `verification`   everything against the log, the digests and the signatures.
* `packs`         one run in one file: what is in it, making, unpacking and reading it.
* `detached`      a sign-off that is made from a pack elsewhere, in a file.
* `packs.verifier`   what travels in every pack: it imports nothing of ours, and nothing of ours imports it.

Record something: publish the bytes, keep their digest, append the entry, tell people, in that order.
"""
