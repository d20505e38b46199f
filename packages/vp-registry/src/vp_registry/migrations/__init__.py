"""How the tables of the registry came to be what they are: alembic's environment, and a module for each revision."""
