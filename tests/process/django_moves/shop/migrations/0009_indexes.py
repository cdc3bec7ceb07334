# mypy: ignore-errors
# Django has no types.

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("shop", "0008_renamed_model"),)
    atomic = False
    operations = (
        AddIndexConcurrently("Book", models.Index(fields=["rating", "price"], name="book_rating_price")),
        migrations.AddIndex("Author", models.Index(models.functions.Upper("contact"), name="author_contact_upper")),
        migrations.AddIndex(
            "Book", models.Index(fields=["copies"], condition=models.Q(rating__gt=3), name="book_good_copies")
        ),
    )
