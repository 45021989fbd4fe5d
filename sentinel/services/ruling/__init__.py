"""Rules as people write, try, replay and explain them, and as workers hold them."""
