# mypy: ignore-errors
# Django has no types.

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("shop", "0014_removed_model"),)
    atomic = False
    operations = (
        migrations.RunSQL(
            """
            create type shop_grade as enum ('poor', 'good');
            alter table shop_book add column grade shop_grade;
            update shop_book set grade = 'good' where id % 2 = 0;
            create view shop_good as select id, title from shop_book where grade = 'good';
            create sequence shop_ticket increment by 5;
            create function shop_touch() returns trigger language plpgsql as $$ begin new.seen_at := now(); return new; end $$;
            create trigger shop_touch before update of title on shop_book for each row execute function shop_touch();
            """
        ),
        migrations.RunSQL("alter type shop_grade add value 'best'"),
    )
