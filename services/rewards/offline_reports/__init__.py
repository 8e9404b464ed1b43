"""What tills accepted while they had no line, and report later."""
