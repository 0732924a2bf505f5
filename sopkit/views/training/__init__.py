"""What was trained and what it took: facts, words, pictures, and lines for the terminal."""
