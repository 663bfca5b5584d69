-- chapter: The model beside the rules
-- title: Is the model better than the rules alone?
-- text: Measured on later hand-offs that the model had not learned from. Both sides hand off the same number of leads, so
--   what is compared is the choice. The rules are those of today's agreement. A claim is made only where its 95 % interval
--   lies above 0 and enough leads below the gate were explored.
-- kind: answer
-- empty: There is no model yet that was tested on later hand-offs: the rules alone decide.
SELECT any_value(gain) FILTER (policy = 'equal_volume') AS gain,
    any_value(gain_low) FILTER (policy = 'equal_volume') AS gain_low,
    any_value(gain_high) FILTER (policy = 'equal_volume') AS gain_high,
    string_agg(upper(sentence[1]) || sentence[2:] || '.', ' ' ORDER BY words DESC) AS answer
FROM judged WHERE sentence <> '' HAVING count(*) > 0
