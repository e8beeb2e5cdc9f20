"""The room for PostgreSQL: tables, migrations, encryption with citizens' keys, the audit chain. No rules live here."""
