"""`POST /integrations/…`: what other systems send, in their own words and protocols."""
