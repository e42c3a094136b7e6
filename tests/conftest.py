"""What every test gets: a home of its own for records, and a shared cache of compiled rules."""
