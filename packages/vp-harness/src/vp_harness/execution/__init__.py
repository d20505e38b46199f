"""From a spec to datasets: configs, the scored replay, generation, campaigns, and where work is done."""
