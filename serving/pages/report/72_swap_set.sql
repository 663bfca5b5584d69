-- title: Which leads would be exchanged?
-- text: At the same number of hand-offs: leads that the model would pick and the rules would not, and the reverse, with
--   the share that sales accepted. If the model chooses better, its dot is further to the right. Intervals count
--   accounts, not rows.
-- kind: dots - picked_by accepted_share accepted_share_low accepted_share_high
-- empty: No model has been tested on later hand-offs yet, or it picks the same leads as the rules.
WITH sides AS (
    SELECT 'the model only' AS picked_by, account, accepted, weight * equal_volume AS leads FROM tested
    WHERE NOT met AND equal_volume > 0
    UNION ALL
    SELECT 'the rules only', account, accepted, weight * (1 - equal_volume) FROM tested
    WHERE met AND equal_volume < 1),
accounts AS (
    SELECT picked_by, account, sum(leads) AS leads, sum(leads * accepted) AS accepted, count(*) AS hand_offs
    FROM sides GROUP BY picked_by, account),
shares AS (
    SELECT picked_by, sum(hand_offs) AS hand_offs, sum(leads) AS stand_for_leads,
        sum(accepted) / sum(leads) AS accepted_share, sum(leads) ** 2 / sum(leads ** 2) AS effective_accounts
    FROM accounts GROUP BY picked_by)
SELECT picked_by, hand_offs, stand_for_leads, effective_accounts, accepted_share,
    rate_low(accepted_share * effective_accounts, effective_accounts) AS accepted_share_low,
    rate_high(accepted_share * effective_accounts, effective_accounts) AS accepted_share_high
FROM shares ORDER BY picked_by
