"""The score at the market, second by second, with the numbers that this project was checked with and no others."""
