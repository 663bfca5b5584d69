-- chapter: The model beside the rules
-- title: Is the model better than the rules alone?
-- text: Measured on later hand-offs that the model had not learned from. Both sides hand off the same number of leads, so
--   what is compared is the choice. The rules are those of today's agreement. A claim is made only where its 95 % interval
--   lies above 0 and enough leads below the gate were explored.
-- kind: answer
-- empty: There is no model yet that was tested on later hand-offs: the rules alone decide.
SELECT any_value(gain) FILTER (policy LIKE 'the model,%') AS gain,
    any_value(gain_low) FILTER (policy LIKE 'the model,%') AS gain_low,
    any_value(gain_high) FILTER (policy LIKE 'the model,%') AS gain_high,
    string_agg(upper(said[1]) || said[2:] || '.', ' ' ORDER BY policy DESC) AS answer
FROM judged WHERE said <> '' HAVING count(*) > 0
