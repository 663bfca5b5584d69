-- chapter: The model compared with the rules
-- title: Is the model better than the rules alone?
-- text: Measured on later hand-offs that the model had not learned from. Both sides hand off the same number of leads,
--   so only the choice of leads is compared. The rules are those of today's agreement. A claim is made only if its 95 %
--   interval lies above 0 and enough leads below the gate were explored.
-- kind: answer
-- empty: No model has been tested on later hand-offs yet: the rules alone decide.
SELECT any_value(gain) FILTER (policy = 'equal_volume') AS gain,
    any_value(gain_low) FILTER (policy = 'equal_volume') AS gain_low,
    any_value(gain_high) FILTER (policy = 'equal_volume') AS gain_high,
    string_agg(upper(sentence[1]) || sentence[2:] || '.', ' ' ORDER BY words DESC) AS answer
FROM judged WHERE sentence <> '' HAVING count(*) > 0
