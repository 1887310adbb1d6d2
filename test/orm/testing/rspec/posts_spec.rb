require_relative "spec_helper"

RSpec.describe "the page of posts" do
  before do
    10.times { |i| Author.create!(name: "author #{i}").posts.create!(title: "one") }
  end
  include_context "no repeats"    # below what makes the data

  it "loads lazily" do
    expect(Post.all.map { |post| post.author.name }.size).to eq 10
  end

  it "loads eagerly" do
    expect(Post.includes(:author).map { |post| post.author.name }.size).to eq 10
  end

  # Not in the README

  it "tells the SQLSTATE" do
    expect { Post.all.map { |post| post.author.name } }.to raise_error(ActiveRecord::StatementInvalid) do |error|
      result = error.cause.result
      expect(result.error_field(PG::PG_DIAG_SQLSTATE)).to eq "QW001"
      expect(result.error_field(PG::PG_DIAG_TABLE_NAME)).to eq "authors"
      expect(result.error_field(PG::PG_DIAG_CONSTRAINT_NAME)).to match(/^fk_rails_/)
    end
  end
end

RSpec.describe "an example without it" do
  it "may repeat" do
    10.times { |i| Author.create!(name: "author #{i}") }
    expect(Author.count).to eq 10
  end
end
