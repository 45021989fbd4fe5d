"""Messages that wait for others: held in a group, and told together when the group is due."""
