import torch
from lightning.pytorch import seed_everything

from lit_transfer import TextClassifier
from tests.samples import make_data, make_trainer


def test_the_logged_training_loss_is_the_mean_over_the_texts_of_all_batches(tmp_path):
    data = make_data(tmp_path, batch_size=7)  # 72 texts: batches of 6 and 7
    seed_everything(1)
    model = TextClassifier(lr=0.0, dropout=0.0, hidden_size=4)
    trainer = make_trainer(tmp_path, max_epochs=2)
    trainer.fit(model, data)
    batches = list(data.train_dataloader())
    assert len({len(batch.rows) for batch in batches}) > 1
    model.train()
    with torch.no_grad():
        each = [(len(batch.rows), model.loss(model(batch.token_ids, batch.lengths), batch.labels)) for batch in batches]
    mean = sum(count * loss for count, loss in each) / sum(count for count, _ in each)
    torch.testing.assert_close(trainer.callback_metrics["train_loss"], mean)


def test_the_benchmarks_packed_loop_trains_the_same_network(tmp_path):
    from benchmarks.speed.training import bare_epochs, with_packed_lstm

    data = make_data(tmp_path)
    data.setup("fit")
    batches = list(data.train_dataloader())
    models = []
    for packed in (False, True):
        seed_everything(1)
        model = TextClassifier(hidden_size=4, dropout=0.0)
        model.build_from(data)
        models.append(with_packed_lstm(model) if packed else model)
        assert bare_epochs(model, batches, len(data.split("train")))() > 0
    for ours, theirs in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
