"""What alembic runs to reach the database: it is handed an open connection, in a transaction that is not its own."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
