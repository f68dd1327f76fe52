"""Tags in files of each format; `spatialkit.files.tagging` imports these modules when used."""
