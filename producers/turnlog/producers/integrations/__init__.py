"""turnlog where people log already: a module for each library, which imports no other's."""
