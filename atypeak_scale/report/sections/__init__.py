"""The sections of the report, one module each: from results to blocks of the page."""
