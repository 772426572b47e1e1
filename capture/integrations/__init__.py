"""Host toolkits: each module imports its toolkit only when it is used."""
