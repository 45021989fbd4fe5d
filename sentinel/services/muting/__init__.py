"""What is not told though rules ask for it: silences that people make, and alerts that inhibit others."""
