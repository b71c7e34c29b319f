"""The words in which the API is described: shapes of values, and operations made of them. No tables of their own."""
