# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = (("auth", "0012_alter_user_first_name_max_length"),)
    operations = (
        migrations.CreateModel(
            "Author",
            [
                ("id", models.AutoField(primary_key=True)),
                ("name", models.CharField(max_length=60)),
                ("email", models.CharField(max_length=80, unique=True)),
            ],
        ),
        migrations.CreateModel(
            "Book",
            [
                ("id", models.AutoField(primary_key=True)),
                ("title", models.CharField(max_length=100, db_index=True)),
                ("author", models.ForeignKey("shop.Author", models.CASCADE)),
                ("price", models.DecimalField(max_digits=8, decimal_places=2)),
                ("pages", models.IntegerField(default=1)),
                ("state", models.CharField(max_length=10, default="new")),
            ],
        ),
        migrations.CreateModel(
            "Tag", [("id", models.AutoField(primary_key=True)), ("word", models.CharField(max_length=30))]
        ),
        migrations.AddField("Book", "tags", models.ManyToManyField("shop.Tag")),
        migrations.CreateModel("Draft", [("id", models.AutoField(primary_key=True)), ("body", models.TextField())]),
        migrations.CreateModel(
            "Visit",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("book", models.ForeignKey("shop.Book", models.CASCADE)),
                ("at", models.DateTimeField(db_default=models.functions.Now())),
            ],
        ),
    )
