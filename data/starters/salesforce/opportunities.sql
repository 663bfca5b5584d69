-- reads: Opportunity, Lead
--
-- The deals that leads were converted to; deals of other origin are left out. The close date of an open deal is only
-- expected.
SELECT l."Id" AS lead_id, o."CreatedDate" AS opened_at, o."StageName" AS stage, o."Amount" AS amount,
    if(is_yes(o."IsClosed"), is_yes(o."IsWon"), NULL) AS won,
    if(won IS NULL, NULL, end_of_day(o."CloseDate")) AS closed_at, o._file, o._line
FROM raw_opportunity o JOIN raw_lead l ON l."ConvertedOpportunityId" = o."Id"
WHERE NOT is_yes(o."IsDeleted") AND NOT is_yes(l."IsDeleted")
