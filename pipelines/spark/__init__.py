"""How is a company scored that is too large for one machine? The same code on shares of whole accounts, by Spark."""
