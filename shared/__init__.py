"""What receiver and workers must agree on: protocol, tables, inbox, ledger, settings, queue names."""
