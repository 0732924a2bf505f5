"""Two runs or attempts side by side: facts in words, and their form in the terminal."""
