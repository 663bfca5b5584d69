-- One row per team, for exploration and for calls: how many places a day the agreement of the last scoring gives.
SELECT * FROM given_places ORDER BY on_list DESC, team
