"""POST /hr_generate."""
