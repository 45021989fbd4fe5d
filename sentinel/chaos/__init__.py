"""Breaks a copy of the whole system while it works, and then accounts for every message: `sentinel chaos`."""
