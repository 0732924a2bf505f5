"""What a reviewer sees of drift: facts and pictures."""
