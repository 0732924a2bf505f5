"""What a validator reads of the comparison: facts, wording and pictures."""
