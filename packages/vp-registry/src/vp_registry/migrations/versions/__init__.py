"""The revisions. A module here is never changed after its release: it says what databases of its time are like."""
