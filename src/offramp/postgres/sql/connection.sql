-- name: pin
-- Settings that this server's version does not know are left out.
select set_config(wanted.name, wanted.value, false)
  from unnest(%(names)s::text[], %(values)s::text[]) as wanted(name, value)
 where current_setting(wanted.name, true) is not null;
