-- chapter: The model beside the rules
-- title: Is the model better than the rules alone?
-- text: Measured on later hand-offs that the model had not learned from. Both sides hand off the same number of leads, so
--   what is compared is the choice. The claim is made only where its 95 % interval lies above 0 and enough leads below the
--   gate were explored.
-- kind: answer
-- empty: There is no model yet that was tested on later hand-offs: the rules alone decide.
SELECT gain, gain_low, gain_high, upper(said[1]) || said[2:] || '.' AS answer
FROM judged WHERE policy = 'the model, as many as the rules'
