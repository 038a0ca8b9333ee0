"""Records in the form somebody reads: tables on a terminal, JUnit XML, Markdown. One file per format."""
