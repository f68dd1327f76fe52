"""Speed compared with other libraries, and differences of the results: ``make bench``."""
