-- name: make
-- The application's own roles need nothing in here: trigger functions run as their owner. Only where there is something to revoke:
-- two sessions that change one schema's rights at the same time get "tuple concurrently updated", and a fence must not fail so.
do $offramp$
begin
  if to_regnamespace('offramp') is null then
    create schema if not exists offramp;
  end if;
  if has_schema_privilege('public', 'offramp', 'usage') or has_schema_privilege('public', 'offramp', 'create') then
    revoke all on schema offramp from public;
  end if;
end
$offramp$;
