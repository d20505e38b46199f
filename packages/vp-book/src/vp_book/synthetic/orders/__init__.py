"""What participants do: place, change, take, withdraw, and how orders match."""
