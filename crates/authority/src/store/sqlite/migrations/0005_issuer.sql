-- Chains of earlier versions keep the issuer by the name that it had. From here on all keep it as what it is, an empty name
-- (which comes first in order), so that one whose client lists that name goes on under the issuer's next name, too. What cannot be read stays, and is refused.
UPDATE chains
SET audiences = (
    SELECT json_group_array(name)
    FROM (
        SELECT DISTINCT iif(a.value = (SELECT s.value FROM settings s WHERE s.name = 'issuer'), '', a.value) AS name
        FROM json_each(iif(json_valid(chains.audiences), chains.audiences, '[]')) a
        ORDER BY 1
    )
)
WHERE EXISTS (
    SELECT 1 FROM json_each(iif(json_valid(chains.audiences), chains.audiences, '[]')) a, settings s WHERE s.name = 'issuer' AND a.value = s.value
);
